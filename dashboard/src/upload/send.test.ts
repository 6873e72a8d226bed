import { expect, test } from "vitest";
import { uploadTarget } from "./send";

test("sends to the address that the page reached the backend by", () => {
  const signed = "http://internal:8080/objects/uploads/a.jpg?expires=1&signature=ab";
  expect(uploadTarget(signed, "https://images.example")).toBe(
    "https://images.example/objects/uploads/a.jpg?expires=1&signature=ab",
  );
  expect(uploadTarget(signed, "")).toBe("/objects/uploads/a.jpg?expires=1&signature=ab");
});

test("leaves the address of another store alone", () => {
  const s3 = "https://bucket.s3.example/uploads/a.jpg?X-Amz-Signature=ab";
  expect(uploadTarget(s3, "http://localhost:8080")).toBe(s3);
});
