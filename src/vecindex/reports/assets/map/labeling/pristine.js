// The parts of the page as they were before a script changed them; imported before all that does.

const PARTS = ["body > .top", "body > header", "body > main", "body > footer"];

export const pristine = PARTS.map((part) => document.querySelector(part)?.cloneNode(true)).filter(Boolean);
