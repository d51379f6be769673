// Posts the page's form to the API as JSON and says, in the page's language, what became of it.
"use strict";

const form = document.querySelector("form");
const answer = document.getElementById("answer");
const again = document.getElementById("again");
const DEAD_LINKS = ["token_expired", "token_invalid"];
let busy = false;

function say(sentence, kind) {
  answer.className = kind;
  answer.textContent = sentence;
}

async function problem(response) {
  const known = JSON.parse(form.dataset.problems);
  const document = await response.json().catch(() => ({}));
  if (again && DEAD_LINKS.includes(document.code)) again.hidden = false;
  const field = (document.errors || []).map((error) => error.message).join(" ");
  return known[document.code] || field || document.detail || form.dataset.away;
}

async function post() {
  const fields = Object.fromEntries(new FormData(form));
  const empty = Object.keys(fields).length === 0;
  return fetch(form.dataset.post, {
    method: "POST",
    credentials: "omit",
    headers: empty ? {} : { "Content-Type": "application/json" },
    body: empty ? undefined : JSON.stringify(fields),
  });
}

async function submit(event) {
  event.preventDefault();
  if (busy) return;
  busy = true;
  say(form.dataset.wait, "wait");
  try {
    const response = await post();
    if (response.ok) {
      form.hidden = true;
      say(form.dataset.done, "done");
    } else {
      say(await problem(response), "problem");
    }
  } catch {
    say(form.dataset.away, "problem");
  }
  answer.focus();
  busy = false;
}

// The token comes behind the address's "#", which the browser sends to nobody.
function takeToken() {
  const field = form.elements.namedItem("token");
  if (!field) return;
  const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
  field.value = token;
  if (token && token.length <= field.maxLength) return;
  form.hidden = true;
  document.getElementById("cut-off").hidden = false;
  if (again) again.hidden = false;
}

takeToken();
form.addEventListener("submit", submit);
