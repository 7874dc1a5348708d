// A page that waits for something asks again; without scripts it loads itself anew.
const waits = document.querySelector("[data-again]");
if (waits) setTimeout(() => location.replace(waits.dataset.again), 2000);

// A photo of a code is sent as soon as it is taken.
const picture = document.getElementById("picture");
picture?.addEventListener("change", () => picture.form.requestSubmit());
