// Comfort only: every page works without this file.
(() => {
  "use strict";

  // A second tap on a slow line must not send the form twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return; // a field may be called "method"
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button[type=submit]")) button.setAttribute("aria-busy", "true");
  });

  // Back from the browser's cache: the form may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  // Filters answer at once; their button stays for those without script.
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-autosubmit] select")) event.target.form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });
  for (const hidden of document.querySelectorAll("[data-print][hidden]")) hidden.hidden = false;
})();
