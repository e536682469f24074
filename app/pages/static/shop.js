// What scripts add to pages that work without them: type-ahead, one day at a time, the choice in sight, a countdown.

function typeahead(input) {
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = `${input.id}-list`;
  list.role = "listbox";
  list.ariaLabel = input.labels[0].textContent;
  list.hidden = true;
  input.after(list);
  Object.entries({
    role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  }).forEach(([name, value]) => input.setAttribute(name, value));

  let chosen = -1;
  let asked = 0;
  let timer;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };
  const mark = (place) => {
    chosen = place;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === place)));
    if (place >= 0) input.setAttribute("aria-activedescendant", list.children[place].id);
  };
  const take = (item) => {
    input.value = item.textContent;
    close();
    input.focus();
  };
  const show = (found) => {
    list.replaceChildren(...found.map((address, i) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${i}`;
      item.role = "option";
      item.setAttribute("aria-selected", "false");
      item.textContent = address.label;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(item); });
      return item;
    }));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    chosen = -1;
  };
  const ask = async () => {
    const number = ++asked;
    if (input.value.trim().length < 2) return close();
    const answer = await fetch(`/addresses?q=${encodeURIComponent(input.value)}`);
    if (answer.ok && number === asked) show(await answer.json());
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const last = list.children.length - 1;
    if (list.hidden) return;
    if (event.key === "ArrowDown") { event.preventDefault(); mark(chosen < last ? chosen + 1 : 0); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(chosen > 0 ? chosen - 1 : last); }
    else if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); take(list.children[chosen]); }
    else if (event.key === "Escape") close();
  });
}

// The server's clock counts: the page only knows how far the browser's is from it.
function countdown(line) {
  const ahead = Date.now() - Number(line.dataset.now);
  const clock = line.querySelector(".clock");
  const status = document.querySelector(".announce");
  const announced = new Set();
  const say = (key, text) => { if (!announced.has(key)) { announced.add(key); status.textContent = text; } };

  const tick = () => {
    const left = Math.max(0, Math.round((Number(line.dataset.ends) - (Date.now() - ahead)) / 1000));
    const minutes = Math.floor(left / 60);
    clock.textContent = `${minutes}:${String(left % 60).padStart(2, "0")} ${line.dataset.left}`;
    // Read out four times in an hour, never second by second.
    if (left === 0) say("over", line.dataset.over);
    else if (left <= 60) say("1", line.dataset.one);
    else if (left <= 300) say("5", line.dataset.minutes.replace("{}", "5"));
    else if (left <= 600) say("10", line.dataset.minutes.replace("{}", "10"));
    if (left > 0) setTimeout(tick, 1000);
  };
  tick();
}

// The time to pay begins with the first touch of the form; the server says until when.
function begin(form) {
  const told = async () => {
    const body = new URLSearchParams({ do: "begin", key: form.elements.key.value });
    const answer = await fetch(location.pathname, { method: "POST", body });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".countdown");
    const line = document.querySelector(".countdown");
    if (!fresh || !line) return;
    line.dataset.ends = fresh.dataset.ends;
    line.querySelector("time").replaceWith(fresh.querySelector("time"));
  };
  form.addEventListener("focusin", told, { once: true });
}

// One day at a time; without scripts all of them follow each other.
function days(nav, form) {
  const links = [...nav.querySelectorAll("a[href^='#']")];
  const shown = (link) => document.querySelector(link.getAttribute("href"));
  const open = (link) => {
    links.forEach((other) => {
      shown(other).hidden = other !== link;
      if (other === link) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    });
    link.parentElement.parentElement.scrollTo({ left: link.offsetLeft - nav.clientWidth / 3 });
  };
  links.forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    open(link);
    if (form.getBoundingClientRect().top < 0) nav.scrollIntoView();
  }));
  const chosen = form.querySelector("[name=slot]:checked");
  open(links.find((link) => shown(link).contains(chosen)) ?? links.find((link) => !link.matches(".shut")) ?? links[0]);
}

// What is chosen stays in sight beside the button, on whichever day it is.
function choice(form) {
  const radios = [...form.querySelectorAll("[name=slot]")];
  const line = form.querySelector(".chosen");
  const missing = form.querySelector(".missing");
  const tell = () => {
    const chosen = radios.find((radio) => radio.checked);
    line.hidden = !chosen;
    if (!chosen) return;
    missing.textContent = "";
    line.querySelector(".said").textContent = chosen.dataset.day;
    line.querySelector(".span").textContent = chosen.dataset.window;
    line.querySelector(".sum").textContent = chosen.dataset.price;
  };
  // The browser cannot point at a field of a day that is not shown, so the page says it.
  radios.forEach((radio) => { radio.required = false; });
  form.addEventListener("change", tell);
  form.addEventListener("submit", (event) => {
    if (radios.some((radio) => radio.checked)) return;
    event.preventDefault();
    missing.textContent = form.dataset.none;
    radios.find((radio) => !radio.disabled && radio.offsetParent)?.focus();
  });
  tell();
}

document.querySelectorAll(".typeahead input").forEach(typeahead);
document.querySelectorAll(".countdown").forEach(countdown);
document.querySelectorAll("form[data-begin]").forEach(begin);
document.querySelectorAll("[data-days] ~ .choose").forEach((form) => {
  days(document.querySelector("[data-days]"), form);
  choice(form);
});
document.getElementById("problem")?.focus();
