// A page that waits for something asks again; without scripts it loads itself anew.
const waits = document.querySelector("[data-again]");
if (waits) setTimeout(() => location.replace(waits.dataset.again), 2000);

// Reads a QR code from a photo, where the browser can; the code field works without it.
const box = document.getElementById("photo");
const picture = document.getElementById("picture");
const wrong = document.getElementById("picture-wrong");
if (box && "BarcodeDetector" in window) {
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  if (formats.includes("qr_code")) {
    box.hidden = false;
    const wanted = ["qr_code", "data_matrix", "code_128"].filter((one) => formats.includes(one));
    const detector = new BarcodeDetector({ formats: wanted });
    picture.addEventListener("change", async () => {
      wrong.hidden = true;
      try {
        const [found] = await detector.detect(await createImageBitmap(picture.files[0]));
        const code = document.getElementById("code");
        code.value = found.rawValue;
        code.form.requestSubmit();
      } catch {
        wrong.hidden = false;
      }
    });
  }
}
