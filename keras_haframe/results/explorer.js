"use strict";
{
  // Everything shown is text: names are data and never become HTML.
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const { names, parents, images, inside, mistakes, curve } = data;
  const SHOWN = 5, FOUND = 50, STEP = 100;
  const children = names.map(() => []);
  parents.forEach((parent, node) => { if (parent >= 0) children[parent].push(node); });
  const root = parents.indexOf(-1);
  const percent = (part, whole) => whole ? (100 * part / whole).toFixed(1) + " %" : "no image";
  const count = (n, word) => n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");

  function make(tag, name, words) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (words !== undefined) element.textContent = words;
    return element;
  }

  function isBelow(node, above) {
    while (node >= 0 && node !== above) node = parents[node];
    return node === above;
  }

  // More of a list at the press of a button.
  function listed(parent, items, step, draw) {
    const more = make("button", "more");
    let shown = 0;
    function grow() {
      for (const item of items.slice(shown, shown + step)) parent.insertBefore(draw(item), more);
      shown += step;
      more.hidden = shown >= items.length;
      more.textContent = (items.length - shown).toLocaleString("en") + " more";
    }
    more.type = "button";
    more.addEventListener("click", grow);
    parent.append(more);
    grow();
  }

  function mistake([label, answer, times, height, sure]) {
    const line = make("li");
    line.append(make("b", "", names[label]), " taken for ", make("b", "", names[answer]));
    const levels = height + (height === 1 ? " level" : " levels") + " up";
    line.append(make("small", "", " " + count(times, "time") + ", they meet " + levels
      + ", up to " + (100 * sure).toFixed(0) + " % sure"));
    return line;
  }

  function open(box, node) {
    const worst = mistakes.filter(([label]) => isBelow(label, node));
    if (worst.length) {
      const list = make("ul", "worst");
      list.setAttribute("aria-label", "Worst mistakes of " + names[node]);
      listed(list, worst, SHOWN, mistake);
      box.append(list);
    } else {
      box.append(make("p", "soft", "No mistake listed."));
    }
    if (children[node].length) listed(box, children[node], STEP, row);
  }

  function row(node) {
    const box = make("details", "node"), line = make("summary"), bar = make("span", "bar");
    const fill = make("span");
    fill.style.width = (images[node] ? 100 * inside[node] / images[node] : 0) + "%";
    bar.append(fill);
    line.append(make("span", "name", names[node]), bar,
      make("span", "value", percent(inside[node], images[node])),
      make("small", "", count(images[node], "image")));
    box.append(line);
    box.addEventListener("toggle", () => { if (box.children.length === 1) open(box, node); });
    return box;
  }

  const tree = document.getElementById("explorer-tree");
  const find = document.getElementById("explorer-find");
  function show() {
    const words = find.value.trim().toLowerCase();
    tree.replaceChildren();
    if (!words) {
      const top = row(root);
      top.open = true;
      tree.append(top);
      return;
    }
    const found = names.map((_, node) => node)
      .filter((node) => names[node].toLowerCase().includes(words));
    tree.append(make("p", "soft", found.length ? count(found.length, "name") : "No such name."));
    listed(tree, found, FOUND, row);
  }
  find.addEventListener("input", show);
  show();

  const floor = document.getElementById("explorer-floor");
  const said = document.getElementById("explorer-said");
  function slide() {
    const i = Number(floor.value), [at, right, coverage, classes] = curve[i];
    const shares = [right, coverage, classes].map((x) => (100 * x).toFixed(1) + " %");
    said.textContent = `Floor ${at.toFixed(2)}: ${shares[0]} of the answers are right, `
      + `coverage ${shares[1]}; ${shares[2]} of the answers are a class.`;
    floor.setAttribute("aria-valuetext", said.textContent);
  }
  floor.addEventListener("input", slide);
  slide();
  document.getElementById("explorer").hidden = false;
}
