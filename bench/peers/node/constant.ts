/**
 * The bare server as people write it: `node:http` collects the body, parses the JSON and answers a
 * constant. What is left for a model server is to be faster than one that has no model at all.
 */
import { createServer } from "node:http";

const answer = Buffer.from('{"prediction":1,"probabilities":[0.25,0.75]}');

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": answer.length,
    });
    response.end(answer);
  });
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
