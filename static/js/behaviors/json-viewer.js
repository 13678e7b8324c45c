// Opens or closes the whole tree.
export default function (viewer) {
  viewer.addEventListener("click", (event) => {
    const act = event.target.closest("[data-json-all]")?.dataset.jsonAll;
    if (!act) return;
    for (const branch of viewer.querySelectorAll(".json-branch")) branch.open = act === "open";
  });
}
