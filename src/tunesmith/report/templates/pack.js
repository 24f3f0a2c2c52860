"use strict";
(() => {
  const pack = JSON.parse(document.getElementById("pack").textContent);
  const storageKey = "tunesmith-ratings-" + pack.id;
  const byId = name => document.getElementById(name);
  const kept = load();
  let place = Math.max(0, pack.tasks.findIndex((task, number) => !isDone(number)));
  let current = firstOpen();

  // what the reader said, by task and dimension; a browser may refuse to keep it
  function load() {
    try {
      const found = JSON.parse(localStorage.getItem(storageKey));
      if (found && found.ratings && found.comments && found.corrections && found.language in pack.words) return found;
    } catch (failure) {
      // told by the first save
    }
    return {ratings: {}, comments: {}, corrections: {}, language: pack.language};
  }

  function save() {
    try {
      localStorage.setItem(storageKey, JSON.stringify(kept));
      byId("unsaved").hidden = true;
    } catch (failure) {
      byId("unsaved").hidden = false;
    }
  }

  function nameOf(task, dimension) {
    return task + " " + dimension;
  }

  function isDone(task) {
    return pack.dimensions.every(dimension => nameOf(task, dimension) in kept.ratings);
  }

  function firstOpen() {
    return Math.max(0, pack.dimensions.findIndex(dimension => !(nameOf(place, dimension) in kept.ratings)));
  }

  function word(key, values = {}) {
    return pack.words[kept.language][key].replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);
  }

  // text is only ever set as text: whatever a model wrote is never read as markup
  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function folded(title, text, name) {
    const made = element("details");
    made.dataset.fold = name;
    made.append(element("summary", "", title), element("div", "text thinking", text));
    return made;
  }

  function showAsked() {
    const task = pack.tasks[place];
    const asked = byId("asked");
    asked.replaceChildren();
    const earlier = task.turns.slice(0, -1);
    if (earlier.length) {
      const turns = folded(word("rate.earlier"), "", "earlier");
      for (const [role, text] of earlier) turns.append(element("p", "role", role), element("div", "text turn", text));
      asked.append(turns);
    }
    const question = element("div", "text question", task.turns[task.turns.length - 1][1]);
    question.dir = "auto";
    asked.append(element("h2", "label", word("rate.question")), question);
    if (task.reference) asked.append(folded(word("rate.reference"), task.reference, "reference"));
    const isPair = task.answers.length > 1;
    const answers = element("div", isPair ? "answers" : "answers one");
    task.answers.forEach((answer, side) => {
      const made = element("div", "answer");
      made.append(element("h3", "label", word(isPair ? ["rate.left", "rate.right"][side] : "rate.answer")));
      if (answer.thinking) made.append(folded(word("rate.thinking"), answer.thinking, "thinking"));
      const text = element("div", "text said", answer.text || word("rate.empty"));
      text.dir = "auto";
      made.append(text);
      answers.append(made);
    });
    asked.append(answers);
  }

  function showGrades() {
    const grades = byId("grades");
    grades.replaceChildren();
    pack.dimensions.forEach((dimension, number) => {
      const made = element("div", number === current ? "dimension current" : "dimension");
      made.dataset.dimension = dimension;
      made.append(element("h3", "", word("rating." + dimension)), element("div", "quiet", word("rating." + dimension + ".about")));
      const choices = element("div", "choices");
      const said = kept.ratings[nameOf(place, dimension)];
      [...pack.choices, null].forEach((value, index) => {
        const text = value === null ? word("pack.cannot") : index + 1 + " · " + word("rating." + dimension + "." + value);
        const button = element("button", "", text);
        button.type = "button";
        button.dataset.value = String(value);
        button.setAttribute("aria-pressed", String(said !== undefined && said.value === value));
        button.addEventListener("click", () => { current = number; rate(value); });
        choices.append(button);
      });
      made.append(choices);
      grades.append(made);
    });
  }

  function show() {
    document.documentElement.lang = kept.language === "zh" ? "zh-CN" : "en";
    document.title = word("pack.title");
    for (const part of document.querySelectorAll("[data-word]")) part.textContent = word(part.dataset.word);
    byId("rater").textContent = word("pack.rater", {name: pack.returned.rater});
    byId("language").textContent = pack.words[kept.language === "en" ? "zh" : "en"]["pack.language"];
    const done = pack.tasks.filter((task, number) => isDone(number)).length;
    byId("place").textContent = word("pack.place", {place: place + 1, total: pack.tasks.length, done});
    byId("finished").hidden = done < pack.tasks.length;
    byId("comment").value = kept.comments[place] || "";
    byId("correction").value = kept.corrections[place] || "";
    byId("right").hidden = !pack.corrects;
    showAsked();
    showGrades();
  }

  function go(to) {
    place = Math.min(Math.max(to, 0), pack.tasks.length - 1);
    current = firstOpen();
    show();
    window.scrollTo(0, 0);
  }

  function rate(value) {
    kept.ratings[nameOf(place, pack.dimensions[current])] = {value, time: new Date().toISOString()};
    save();
    const open = pack.dimensions.findIndex(dimension => !(nameOf(place, dimension) in kept.ratings));
    if (open >= 0) {
      current = open;
      show();
    } else if (place < pack.tasks.length - 1) {
      go(place + 1);
    } else {
      show();
    }
  }

  function download() {
    const ratings = [];
    pack.tasks.forEach((task, number) => {
      for (const dimension of pack.dimensions) {
        const said = kept.ratings[nameOf(number, dimension)];
        if (said) ratings.push({task: number, shown: task.shown, dimension, value: said.value, comment: kept.comments[number] || "", time: said.time});
      }
      const right = (kept.corrections[number] || "").trim();
      if (pack.corrects && right) ratings.push({task: number, shown: task.shown, dimension: "correction", value: null, comment: right, time: new Date().toISOString()});
    });
    const content = new Blob([JSON.stringify({...pack.returned, ratings}, null, 1)], {type: "application/json"});
    const link = element("a");
    link.href = URL.createObjectURL(content);
    link.download = "ratings-" + pack.returned.rater + ".json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function toggle(name) {
    for (const part of document.querySelectorAll('[data-fold="' + name + '"]')) part.open = !part.open;
  }

  function speakOther() {
    kept.language = kept.language === "en" ? "zh" : "en";
    save();
    show();
  }

  function moveTo(dimension) {
    current = Math.min(Math.max(dimension, 0), pack.dimensions.length - 1);
    showGrades();
  }

  const keys = {
    ArrowLeft: () => go(place - 1),
    ArrowRight: () => go(place + 1),
    ArrowUp: () => moveTo(current - 1),
    ArrowDown: () => moveTo(current + 1),
    t: () => toggle("thinking"),
    r: () => toggle("reference"),
    c: () => byId("comment").focus(),
    a: () => pack.corrects && byId("correction").focus(),
    d: download,
    l: speakOther,
  };

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.tagName === "TEXTAREA") {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (/^[0-9]$/.test(event.key)) {
      const number = Number(event.key);
      if (number > pack.choices.length) return;
      event.preventDefault();
      rate(number === 0 ? null : pack.choices[number - 1]);
    } else if (event.key in keys) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  byId("comment").addEventListener("input", () => { kept.comments[place] = byId("comment").value; save(); });
  byId("correction").addEventListener("input", () => { kept.corrections[place] = byId("correction").value; save(); });
  byId("previous").addEventListener("click", () => go(place - 1));
  byId("next").addEventListener("click", () => go(place + 1));
  byId("download").addEventListener("click", download);
  byId("language").addEventListener("click", speakOther);
  show();
})();
