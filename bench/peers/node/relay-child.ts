/** The far end of the relay: sends every chunk back as it comes. */
import { connect } from "node:net";

const socket = connect(process.argv[2] ?? "");
socket.on("data", (chunk: Buffer) => socket.write(chunk));
socket.once("close", () => process.exit(0));
