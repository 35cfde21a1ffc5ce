// A browser and its system, from what it sends as `User-Agent`.

const BROWSERS: [RegExp, string][] = [
  [/Edg\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/Firefox\/(\d+)/, "Firefox"],
  [/Chrome\/(\d+)/, "Chrome"],
  [/Version\/(\d+).*Safari/, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];

/** `Chrome 156 on Linux`; what is no known browser is shown as it is, `null` as unknown. */
export function browserOf(userAgent: string | null | undefined): string {
  if (!userAgent) return "unknown browser";
  for (const [pattern, name] of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1];
    if (version === undefined) continue;
    const system = SYSTEMS.find(([known]) => known.test(userAgent))?.[1];
    return `${name} ${version}${system ? ` on ${system}` : ""}`;
  }
  return userAgent;
}
