/** The cases in Node, by its `fetch`: prints what came of them as JSON. */
import { connectWeb } from "./cases.js";

const [, , baseUrl, descriptors] = process.argv;
const found = await connectWeb(baseUrl, Buffer.from(descriptors, "base64"));
process.stdout.write(JSON.stringify(found));
process.exit();
