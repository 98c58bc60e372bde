// What the page does beyond htmx: a slider beside its number, masks that go when something is pasted,
// buttons that copy, and lists that are followed.
"use strict";

document.addEventListener("input", (event) => {
  const slider = event.target.closest("[data-mirrors]");
  if (slider) {
    const number = document.getElementById(slider.dataset.mirrors);
    number.value = slider.value;
  } else if (event.target.dataset.mirrored) {
    document.getElementById(event.target.dataset.mirrored).value = event.target.value;
  }
});

// What stands for a stored secret is replaced as a whole.
for (const kind of ["focusin", "click"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.value === "********") event.target.select?.();
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS browsers give no clipboard: what is to be copied is marked instead.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
  }
});

// What is followed is shown as the server tells it, while somebody looks at it.
const followed = document.querySelector("[data-follows]");
if (followed) {
  let source;
  const follow = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    source = new EventSource(followed.dataset.follows);
    source.addEventListener("message", (event) =>
      htmx.swap(followed, event.data, { swapStyle: "innerHTML" }));
  };
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => source?.close());
  follow();
}
