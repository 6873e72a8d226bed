import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { checkHealth } from "./client";

// The error of a call that the server answers like this.
async function failure(status: number, error: string): Promise<unknown> {
  const server = createServer((_, response) => {
    response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "6" });
    response.end(JSON.stringify({ error }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  try {
    return await checkHealth({ backend: `http://127.0.0.1:${port}`, key: "some" }).catch(
      (reason: unknown) => reason,
    );
  } finally {
    server.close();
  }
}

test("a key that is missing, has too small a role or is used too often gives a message", async () => {
  expect(await failure(401, "an API key is needed")).toMatchObject({
    kind: "access",
    message: "an API key is needed. Enter the API key in Settings.",
  });
  const role = "this needs an API key with the role write; yours has the role read";
  expect(await failure(403, role)).toMatchObject({
    kind: "access",
    message: `${role}. Enter another key in Settings.`,
  });
  const often = "too many requests came with this API key: try again in 6 seconds";
  expect(await failure(429, often)).toMatchObject({ kind: "refused", message: often });
});
