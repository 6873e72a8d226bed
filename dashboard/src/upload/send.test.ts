import { expect, test } from "vitest";
import { uploadTarget } from "./send";

test("sends to the address by which the page reaches the backend", () => {
  const signed = "http://internal:8080/objects/uploads/a.jpg?expires=1&signature=ab";
  expect(uploadTarget(signed, "https://images.example")).toBe(
    "https://images.example/objects/uploads/a.jpg?expires=1&signature=ab",
  );
  expect(uploadTarget(signed, "")).toBe("/objects/uploads/a.jpg?expires=1&signature=ab");
});

test("does not change the address of another store", () => {
  const s3 = "https://bucket.s3.example/uploads/a.jpg?X-Amz-Signature=ab";
  expect(uploadTarget(s3, "http://localhost:8080")).toBe(s3);
});
