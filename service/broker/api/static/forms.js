// A form in a dialog: filled, sent, and what was refused is said in it.

import { $, toast } from "./words.js";

/** `send` gets the fields, and gives what is told when it went well. */
export function openForm(dialog, given, send) {
  const form = $("form", dialog);
  for (const field of form.elements) if (field.name) field.value = given[field.name] ?? "";
  const complain = (text) => { const box = $(".trouble", form); box.textContent = text; box.hidden = !text; };
  complain("");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = $("button[type=submit]", form);
    button.disabled = true;
    try {
      const fields = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
      toast(await send(Object.fromEntries(fields)));
      dialog.close();
      dispatchEvent(new Event("look"));
    } catch (problem) { complain(problem.message); }
    finally { button.disabled = false; }
  };
  $("button[type=button]", form).onclick = () => dialog.close();
  dialog.showModal();
  [...form.elements].find((field) => field.name && !field.value)?.focus();
}
