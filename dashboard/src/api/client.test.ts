import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { checkHealth, sentenceOf, whyUnreachable } from "./client";

const failure = (status: number, error: string): Promise<unknown> =>
  failureWith(() => [status, JSON.stringify({ error })]);

// The error of a check of a server that answers like this.
async function failureWith(answer: (path: string) => [status: number, body: string]) {
  const server = createServer(({ url = "" }, response) => {
    const [status, body] = answer(url);
    response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "6" });
    response.end(body);
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

test.each<[string, (path: string) => [number, string]]>([
  ["HTML at each path", () => [200, "<!doctype html><title>Router</title>"]],
  ["HTML with 404", () => [404, "<html>404 Not Found</html>"]],
  ["JSON with 404", () => [404, '{"error":"there is nothing at /health"}']],
  ["an error that is no text", () => [400, '{"error":{"code":7}}']],
  ["a health of another program", () => [200, '{"status":"ok"}']],
  ["null", () => [200, "null"]],
  [
    "health alone, as the ML service's port does",
    (path) => (path === "/health" ? [200, '{"status":"healthy"}'] : [404, '{"error":"no"}']),
  ],
  ["no models", () => [200, '{"status":"healthy"}']],
])("one sentence says that a server is no classifier which answers with %s", async (_, answer) => {
  expect(sentenceOf(await failureWith(answer))).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+ is not a classifier: check the address and the port\.$/,
  );
});

test("a status without words is one sentence too", async () => {
  expect(sentenceOf(await failureWith(() => [502, "<html>Bad gateway</html>"]))).toMatch(
    /^http:\/\/\S+ answered with status 502: try again in a moment\.$/,
  );
  expect(sentenceOf(await failure(503, "the store is full"))).toBe("The store is full.");
});

test("without an answer, the reasons fit the address", () => {
  const page = "http://here.example";
  expect(whyUnreachable(page, page)).toBe(`${page} cannot be reached: check that it is running.`);
  expect(whyUnreachable("http://there.example", page)).toMatch(/runn.* ALLOWED_ORIGINS has http:/);
  expect(whyUnreachable("https://there.example", page)).toMatch(/certificate/);
  expect(whyUnreachable("http://there.example", "https://here.example")).toMatch(/over https\.$/);
});
