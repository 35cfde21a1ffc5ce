// The APIs of a running platform, for what a trial or a picture needs beforehand.

/** What an API answered is not what was needed. */
class Refused extends Error {}

/**
 * @param {{api_base: string, admin_base: string, api_key: string, management_key: string, admin_token: string}} dev
 *   what stands in `dev.json`
 */
export function platform(dev) {
  async function call(base, secret, method, path, body) {
    const answer = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Refused(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  return {
    manage: (method, path, body) => call(dev.api_base, dev.management_key, method, path, body),
    operate: (method, path, body) => call(dev.admin_base, dev.admin_token, method, path, body),
    preset: (name, body) => call(dev.api_base, dev.api_key, "POST", `/presets/${name}/chat/completions`, body),
    /** Asks again until there is an answer. */
    async until(what, ask) {
      for (let asked = 0; asked < 300; asked += 1) {
        const found = await ask();
        if (found !== undefined && found !== null) return found;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      throw new Error(`there is never ${what}`);
    },
    /** Asks a model; the HTTP status and the answer, whichever they are. */
    async ask(body, key = dev.api_key) {
      const answer = await fetch(`${dev.api_base}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-title": "Support desk" },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: await answer.json() };
    },
  };
}
