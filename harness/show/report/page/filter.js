const words = document.getElementById("filter-words");
const others = document.getElementById("filter-others");
const shown = document.getElementById("filter-shown");
const rows = [...document.querySelectorAll("tr[data-run]")];
const filter = () => {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for(const row of rows) {
    const text = row.textContent.toLowerCase();
    const hidden = !wanted.every(word => text.includes(word)) || (others.checked && row.dataset.expected === "true");
    row.hidden = document.getElementById(row.dataset.run).hidden = hidden;
    count += !hidden;
  }
  for(const part of [".pair-of-runs", ".scenario"])
    for(const element of document.querySelectorAll(part))
      element.hidden = !element.querySelector("article:not([hidden])");
  shown.textContent = `${count} of ${rows.length} runs`;
};
words.addEventListener("input", filter);
others.addEventListener("change", filter);
document.getElementById("filter").hidden = false;
filter();
