/**
 * `/openapi.json`, `/asyncapi.json` and `/docs`: the description of the server as it is just now.
 */
import type { Service } from "../../../service/index.ts";
import type { Route } from "../http/router.ts";
import { asyncApiDocument } from "./asyncapi.ts";
import { docsPage } from "./docs-page.ts";
import { openApiDocument } from "./openapi.ts";

export function documentRoutes(service: Service, serverVersion: string): Route[] {
  const page = docsPage();
  const plain = { method: "GET", body: "none", dialect: "plain" } as const;
  const html = {
    status: 200,
    contentType: "text/html; charset=utf-8",
    lines:
      "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; " +
      "script-src 'unsafe-inline'; connect-src 'self'\r\n",
  };
  return [
    {
      ...plain,
      path: "/openapi.json",
      handle(exchange) {
        const models = service.servedVersions();
        exchange.replyJson(JSON.stringify(openApiDocument({ serverVersion, models })));
      },
    },
    {
      ...plain,
      path: "/asyncapi.json",
      handle(exchange) {
        const models = service.servedVersions();
        exchange.replyJson(JSON.stringify(asyncApiDocument({ serverVersion, models })));
      },
    },
    { ...plain, path: "/docs", handle: (exchange) => exchange.reply(html, page) },
    {
      ...plain,
      path: "/",
      handle(exchange) {
        const lines = "location: /docs\r\n";
        exchange.reply({ status: 302, contentType: "text/plain", lines }, "see /docs\n");
      },
    },
  ];
}
