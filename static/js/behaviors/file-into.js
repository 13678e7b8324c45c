// Puts the text of a chosen file into a field, and ticks the format that the file's name says.
export default function (input) {
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    const field = document.getElementById(input.dataset.into);
    field.value = await file.text();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    const format = /\.(jsonl|ndjson)$/i.test(file.name) ? "jsonl" : "csv";
    const choice = input.form.querySelector(`[name="${input.dataset.format}"][value="${format}"]`);
    if (choice) choice.checked = true;
  });
}
