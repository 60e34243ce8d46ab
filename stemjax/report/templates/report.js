"use strict";

// Two pictures of one field of view, one in front of the other, and a line where they meet.
for (const compare of document.querySelectorAll(".compare")) {
  const stage = compare.querySelector(".stage");
  const line = stage.querySelector("input");
  const sides = [[".left", ".over"], [".right", ".under"]].map(
    ([choice, picture]) => [compare.querySelector(choice), stage.querySelector(picture)]
  );
  const show = () => {
    for (const [choice, picture] of sides) {
      picture.src = choice.value;
      picture.alt = choice.selectedOptions[0].dataset.alt;
    }
    move();
  };
  const move = () => {
    const [left, right] = sides.map(([choice]) => choice.selectedOptions[0].text);
    stage.style.setProperty("--at", `${line.value}%`);
    line.setAttribute("aria-valuetext", `${line.value} percent ${left}, the rest ${right}`);
  };
  line.addEventListener("input", move);
  for (const [choice] of sides) choice.addEventListener("change", show);
  compare.hidden = false;
  show();
}

// Movies that are looked at frame by frame.
const told = document.getElementById("moments");
const moments = told ? JSON.parse(told.textContent) : null;

function describe(k) {
  const whole = moments.seconds[moments.seconds.length - 1];
  const parts = [`frame ${moments.frame[k]}`, `${moments.seconds[k].toFixed(whole < 10 ? 3 : 1)} s`];
  if (moments.celsius[k] !== null) parts.push(`${moments.celsius[k].toFixed(0)} °C`);
  return parts.join(" · ");
}

for (const player of document.querySelectorAll(".player")) {
  const video = player.querySelector("video");
  const controls = player.querySelector(".controls");
  const [play, back, on] = controls.querySelectorAll("button");
  const frame = controls.querySelector("input");
  const text = controls.querySelector("output");
  const fps = Number(player.dataset.fps);
  const last = Number(frame.max);
  const tell = (k) => {
    frame.value = k;
    text.value = describe(k);
    frame.setAttribute("aria-valuetext", text.value);
  };
  const seek = (k) => {
    const shown = Math.min(Math.max(k, 0), last);
    video.pause();
    video.currentTime = (shown + 0.5) / fps; // the middle of the frame, where rounding does no harm
    tell(shown);
  };
  const follow = () => {
    if (video.paused) return;
    tell(Math.min(Math.floor(video.currentTime * fps + 1e-6), last));
    requestAnimationFrame(follow);
  };
  const toggle = () => (video.paused ? video.play() : video.pause());
  video.addEventListener("play", () => { play.textContent = "Pause"; follow(); });
  video.addEventListener("pause", () => { play.textContent = "Play"; });
  video.addEventListener("click", toggle);
  play.addEventListener("click", toggle);
  back.addEventListener("click", () => seek(Number(frame.value) - 1));
  on.addEventListener("click", () => seek(Number(frame.value) + 1));
  frame.addEventListener("input", () => seek(Number(frame.value)));
  frame.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  video.controls = false;
  controls.hidden = false;
  seek(0);
}
