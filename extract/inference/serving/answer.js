// Behaviour of an answer. Gradio calls this code once with `element`, which stays when
// an answer replaces another, so the listeners are those of `element`.
const player = new Audio();
let end = 0;

function choose(place, focus) {
  const answer = element.querySelector(".answer");
  for (const each of answer.querySelectorAll("[data-place]")) {
    const chosen = Number(each.dataset.place) === place;
    each.classList.toggle("current", chosen);
    if (each.matches(".segment")) {
      each.tabIndex = chosen ? 0 : -1;
      if (chosen) {
        const summary = each.getAttribute("aria-label").replace(/^Play /, "");
        answer.querySelector(".readout").textContent = summary;
        if (focus) each.focus();
      }
    }
  }
}

function play(segment) {
  const answer = element.querySelector(".answer");
  const address = answer.dataset.sound;
  if (!address) return;
  const status = answer.querySelector(".player");
  status.textContent = "";
  player.onerror = () => {
    status.textContent = "This recording cannot be played: your browser does not know its format, or the server has deleted it.";
  };
  const playSegment = () => {
    player.currentTime = Number(segment.dataset.start);
    player.play().catch(() => {});
  };
  end = Number(segment.dataset.end);
  if (player.dataset.address === address && player.readyState > 0) {
    playSegment();
  } else {
    player.dataset.address = address;
    player.src = address;
    player.addEventListener("loadedmetadata", playSegment, { once: true });
  }
}

player.addEventListener("timeupdate", () => {
  const head = element.querySelector(".playhead");
  if (!head) return player.pause();
  const ends = [...element.querySelectorAll(".segment")].map((each) => Number(each.dataset.end));
  head.hidden = player.paused;
  head.style.left = `${(100 * player.currentTime) / Math.max(...ends)}%`;
  if (player.currentTime >= end) player.pause();
});
player.addEventListener("pause", () => {
  const head = element.querySelector(".playhead");
  if (head) head.hidden = true;
});

element.addEventListener("pointerover", (event) => {
  const segment = event.target.closest(".segment");
  if (segment) choose(Number(segment.dataset.place), false);
});
element.addEventListener("focusin", (event) => {
  const segment = event.target.closest(".segment");
  if (segment) choose(Number(segment.dataset.place), false);
});
element.addEventListener("click", (event) => {
  const segment = event.target.closest(".segment");
  if (segment) play(segment);
});
element.addEventListener("keydown", (event) => {
  const segment = event.target.closest(".segment");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!segment || !step) return;
  event.preventDefault();
  const last = element.querySelectorAll(".segment").length - 1;
  choose(Math.min(last, Math.max(0, Number(segment.dataset.place) + step)), true);
});

function showFirst() {
  player.pause();
  if (element.querySelector("[data-place]")) choose(0, false);
}
new MutationObserver((changes) => {
  const isNew = (node) => node.nodeType === 1 && (node.matches(".answer") || node.querySelector(".answer"));
  if (changes.some((change) => [...change.addedNodes].some(isNew))) showFirst();
}).observe(element, { childList: true, subtree: true });
showFirst();
