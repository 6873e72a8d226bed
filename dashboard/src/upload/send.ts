// Uploads one file: gets an upload URL from the backend, then sends the bytes to that URL.
import { ApiError, getUploadTicket } from "../api/client";
import { settings } from "../state/settings";
import type { Send } from "./queue";

// The backend builds the URL with its own address, but the page may reach it by another. The signature
// does not cover the host, so it can be replaced.
export function uploadTarget(url: string, backend: string): string {
  const { pathname, search } = new URL(url);
  return pathname.startsWith("/objects/") && search.includes("signature=")
    ? backend + pathname + search
    : url;
}

interface Answer {
  status: number; // 0: none
  text: string;
}

// XMLHttpRequest, because fetch does not report how much it has sent.
const put = (
  url: string,
  file: File,
  type: string,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("PUT", url);
    call.setRequestHeader("Content-Type", type);
    call.upload.onprogress = (event) => onSent(event.loaded);
    call.onload = () => resolve({ status: call.status, text: call.responseText });
    call.onerror = () => resolve({ status: 0, text: "" });
    call.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    // The signal outlives the call, and must not keep a reference to it.
    const stop = () => call.abort();
    signal.addEventListener("abort", stop);
    call.onloadend = () => signal.removeEventListener("abort", stop);
    if (signal.aborted) {
      reject(new DOMException("cancelled", "AbortError"));
      return;
    }
    call.send(file);
  });

const saidBy = (text: string): string => {
  try {
    return (JSON.parse(text) as { error?: string }).error ?? "";
  } catch {
    return "";
  }
};

async function failureOf({ status, text }: Answer, file: File): Promise<ApiError> {
  if (status === 0) {
    const readable = await file
      .slice(0, 1)
      .arrayBuffer()
      .then(
        () => true,
        () => false,
      );
    if (!readable) {
      return new ApiError(
        "refused",
        "The file was changed or moved after it was chosen. Choose it again.",
      );
    }
    return new ApiError("unreachable", "The storage cannot be reached.");
  }
  const said = saidBy(text) || `The store answered ${status}.`;
  return new ApiError(status >= 500 ? "server" : "refused", said, status);
}

export const send: Send = async ({ file, path, type, batch }, onSent, signal) => {
  for (let again = false; ; again = true) {
    const ticket = await getUploadTicket(
      { filename: file.name, content_type: type, path, batch },
      signal,
    );
    const target = uploadTarget(ticket.upload_url, settings.get().backend);
    const answer = await put(target, file, type, onSent, signal);
    if (answer.status >= 200 && answer.status < 300) return ticket.s3_key;
    // An expired upload URL is rejected with 403: try once with a new one.
    if (answer.status === 403 && !again) continue;
    throw await failureOf(answer, file);
  }
};
