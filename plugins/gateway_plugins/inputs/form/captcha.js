// Solves the proof of work of the form on this page; the visitor does nothing.
(async () => {
  const form = document.querySelector("form[data-captcha]");
  const button = form.querySelector("button");
  const field = form.elements.altcha;
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
  button.disabled = true;
  const challenge = await (await fetch(form.dataset.captcha)).json();
  const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
  const start = bytes(nonce);
  for (let counter = 0; !field.value; counter++) {
    const password = new Uint8Array(start.length + 4);
    password.set(start);
    new DataView(password.buffer).setUint32(start.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
    const derivedKey = hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) {
      field.value = btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
    }
  }
  button.disabled = false;
})();
