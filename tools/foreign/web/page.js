/**
 * The page: runs all cases against each address that it is told and posts what came of them.
 */
import * as library from "grpc-web";
import { connectWeb, grpcWeb } from "./cases.js";

const lines = [];
try {
  const asked = await (await fetch("/asked")).json();
  const descriptors = Uint8Array.from(atob(asked.descriptors), (each) => each.charCodeAt(0));
  for (const [place, baseUrl] of Object.entries(asked.places)) {
    const note = (name, found) => {
      for (const [what, why] of found) lines.push([`${name}, ${place}: ${what}`, why]);
    };
    note("connect-web in a page", await connectWeb(baseUrl, descriptors));
    for (const format of ["binary", "text"]) {
      const found = await grpcWeb(library, { baseUrl, descriptors, format });
      note(`grpc-web (${format}) in a page`, found);
    }
  }
} catch (thrown) {
  lines.push(["the page", String(thrown)]);
}
await fetch("/told", { method: "POST", body: JSON.stringify(lines) });
