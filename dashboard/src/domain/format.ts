// Numbers, times and names as people read them.

const whole = new Intl.NumberFormat("en");

export const formatCount = (count: number): string => whole.format(count);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

// Each unit is rounded before it is chosen: 59.7 s are 1 min 0 s, not 60 s.
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

// An estimate, so rounded to steps that do not flicker.
export function formatTimeLeft(ms: number): string {
  if (!Number.isFinite(ms)) return "";
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 5) return "a few seconds left";
  if (seconds <= 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} min left`;
  return `about ${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

// Of a setting, which has whole percents.
export const wholePercent = (value: number): string => `${Math.round(value * 100)}%`;

// Rounding must not show 100% or 0% for anything else.
export function formatPercent(score: number): string {
  if (score > 0.995 && score < 1) return "> 99%";
  if (score > 0 && score < 0.005) return "< 1%";
  return `${Math.round(score * 100)}%`;
}

// Turns the server's reason into a sentence. A leading URL keeps its lower case.
export function asSentence(text: string): string {
  if (text === "") return "";
  const start = /^[a-z]+:\/\//.test(text)
    ? text
    : text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

export function formatTime(time: string, now = new Date()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  if (date.toDateString() === now.toDateString()) return `today ${clock.format(date)}`;
  const days = date.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${days.format(date)}, ${clock.format(date)}`;
}

export const formatExactTime = (time: string): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : exact.format(date);
};

// The user's file name: in upload keys a time and a random part follow it.
export function displayName(key: string): string {
  return lastPart(key).replace(/_\d{8}-\d{6}_[0-9a-f]{8}(\.[a-z0-9]+)$/i, "$1");
}

// What the user called the photo: the whole path where the catalogue has it.
export const nameOf = ({ key, name }: { key: string; name?: string | undefined }): string =>
  name === undefined || name === "" || name === key ? displayName(key) : name;

// Without the folders.
export const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

// "Upload of 28 Nov 2026, 15:02", where the page gave the upload its name, and otherwise the name itself.
export function uploadWords(batch: string): string {
  const [, date, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d) [0-9a-f]{4}$/.exec(batch) ?? [];
  return date && time ? `Upload of ${formatDay(`${date}T12:00:00`)}, ${time}` : batch;
}

export const formatDay = (time: string): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : dayOfYear.format(date);
};
