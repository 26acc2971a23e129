// Requests to the server that the page comes from.

/** An error of a request: `message` what is wrong, `next` what to do; `status` is 0 without an answer. */
export class RequestError extends Error {
  constructor(status, { error, next }) {
    super(error);
    this.status = status;
    this.next = next;
  }

  toString() {
    return this.next ? `${this.message} ${this.next}` : this.message;
  }
}

/**
 * Return an answer; a body is posted as JSON.
 *
 * @param {string} path
 * @param {object} [body]
 * @throws {RequestError}
 */
export async function request(path, body) {
  const headers = { "X-Vecindex-Page": "1", ...(body ? { "Content-Type": "application/json" } : {}) };
  const post = body && { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", headers, ...post });
  } catch {
    throw new RequestError(0, { error: "The server does not answer.", next: "Is vecindex serve still running?" });
  }
  if (answer.ok) return answer;
  let failure = { error: `The server answered ${answer.status}.`, next: null };
  try { failure = await answer.json(); } catch { /* no JSON: the status has to do */ }
  throw new RequestError(answer.status, failure);
}

/**
 * Return the JSON of an answer.
 *
 * @param {string} path
 * @param {object} [body]
 */
export const json = async (path, body) => (await request(path, body)).json();
