/**
 * `/openapi.json`, `/asyncapi.json` and `/docs`: the description of the server as it is just now.
 */
import type { Service } from "../../../service/index.ts";
import type { DialectName } from "../dialects.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { asyncApiDocument } from "./asyncapi.ts";
import { docsPage } from "./docs-page.ts";
import { openApiDocument } from "./openapi.ts";

export interface DocumentOptions {
  readonly service: Service;
  readonly serverVersion: string;
  readonly dialects: readonly DialectName[];
}

/** The page for people asks the simple dialect, so it is there only with it. */
export function documentRoutes(options: DocumentOptions): Route[] {
  const { service, serverVersion, dialects } = options;
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
        exchange.replyJson(JSON.stringify(openApiDocument({ serverVersion, models, dialects })));
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
    ...(dialects.includes("simple")
      ? [{ ...plain, path: "/docs", handle: (exchange: Exchange) => exchange.reply(html, page) }]
      : []),
  ];
}
