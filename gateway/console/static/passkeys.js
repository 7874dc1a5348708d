// Passkeys: made at "My account", used at "Sign in". Without them, or without scripts, the password works as ever.
const button = document.getElementById("passkey");
const said = document.getElementById("passkey-said");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function post(address, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.detail);
  return content;
}

function say(what) {
  said.textContent = what;
  said.hidden = false;
}

async function make() {
  const options = await post("/account/passkeys/options", {});
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const known of options.excludeCredentials ?? []) known.id = bytes(known.id);
  const made = await ask(() => navigator.credentials.create({ publicKey: options }));
  const { clientDataJSON, attestationObject } = made.response;
  return post("/account/passkeys", {
    name: document.getElementById("passkey-name").value,
    credential: { id: made.id, rawId: text(made.rawId), type: made.type,
      response: { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) } },
  });
}

async function enter() {
  const options = await post("/sign-in/passkey/options", {});
  options.challenge = bytes(options.challenge);
  const used = await ask(() => navigator.credentials.get({ publicKey: options }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = used.response;
  return post("/sign-in/passkey", {
    next: button.dataset.next,
    credential: { id: used.id, rawId: text(used.rawId), type: used.type,
      response: { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData),
        signature: text(signature), userHandle: userHandle ? text(userHandle) : null } },
  });
}

async function ask(what) {
  try {
    return await what();
  } catch {
    throw new Error(button.dataset.failed); // given up, or this device has none
  }
}

if (!window.isSecureContext || !window.PublicKeyCredential) {
  if (button.dataset.none) say(button.dataset.none);
} else {
  button.closest("[hidden]")?.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { to } = await (button.dataset.does === "make" ? make() : enter());
      location.assign(to);
    } catch (error) {
      say(error.message);
      button.disabled = false;
    }
  });
}
