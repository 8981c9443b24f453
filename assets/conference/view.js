// The whole of what is seen: header, notices, tiles, chat, the four buttons, and the stage beside or above them.

import { Chat } from "./chat.js";
import { Desktops } from "./desktops.js";
import { element, setText, show } from "./element.js";
import { icon, setIcon } from "./icons.js";
import { Stage } from "./stage.js";
import { count } from "./state.js";
import { Tiles } from "./tiles.js";
import { words } from "./words.js";

const FAULTS = {
  mask: "stoppedVideo", voice: "stoppedVoice", camera: "stoppedCamera", microphone: "stoppedMicrophone",
};

/** Draws the state; what people press becomes a call of `commands`. */
export class View {
  #people = element("span.people");
  #monitored = element("span.monitored", { hidden: true });
  #notices = element("div.notices", { attributes: { role: "status" } });
  #shared;
  #sharedName = element("span");
  #moderation;
  #buttons = {};

  /**
   * @param {object} commands - microphone(), camera(), share(), hand(), say(text), moderate(id, isMuted), muteAll(),
   *   lower(id), lowerAll(), turn(page), stage(on), stopSharing(), watch(id, on).
   */
  constructor(commands) {
    this.tiles = new Tiles(commands);
    this.chat = new Chat(commands.say);
    this.stage = new Stage({ turn: commands.turn, fold: () => commands.stage(false), stop: commands.stopSharing });
    this.desktops = new Desktops(commands.watch);
    this.#shared = element("div.shared", {}, icon("document"), this.#sharedName,
      element("button", { type: "button", textContent: words.unfold, onclick: () => commands.stage(true) }));
    this.#moderation = element("div.moderation", {},
      element("button", { type: "button", textContent: words.muteAll, onclick: commands.muteAll }),
      element("button", { type: "button", textContent: words.lowerAll, onclick: commands.lowerAll }));
    const pane = element(
      "main.pane", {},
      element("header", {}, element("h1", { textContent: words.title }), this.#monitored, this.#people),
      this.#notices, this.#moderation, this.tiles.element, this.#shared, this.chat.element, this.#makeBar(commands),
    );
    this.element = element("div.room", {}, element("div.wide", {}, this.stage.element, this.desktops.element), pane);
  }

  #makeBar(commands) {
    const bar = element("nav.bar");
    for (const name of ["microphone", "camera", "share", "hand"]) {
      const button = element("button", { type: "button", onclick: commands[name] }, icon(name), element("span"));
      button.dataset.name = name;
      this.#buttons[name] = button;
      bar.append(button);
    }
    return bar;
  }

  render(state) {
    document.body.classList.toggle("large-text", state.largeText);
    this.element.classList.toggle("staged", state.isStage);
    this.element.dataset.role = state.self?.role ?? "";
    setText(this.#people, state.phase === "joined" ? words.people(count(state)) : "");
    this.#renderMonitored(state);
    this.#renderNotices(state);
    show(this.#moderation, state.self?.role === "moderator" && state.phase === "joined");
    show(this.#shared, state.document !== null && !state.isStage);
    setText(this.#sharedName, state.document ? words.shared(state.document.name) : "");
    this.tiles.render(state);
    this.chat.render(state);
    this.stage.render(state);
    this.desktops.render(state);
    this.#renderBar(state);
  }

  #renderMonitored(state) {
    show(this.#monitored, state.desktop !== null);
    const isRunning = Boolean(state.desktop?.running);
    setText(this.#monitored, isRunning ? words.monitored : words.monitorLost);
    this.#monitored.classList.toggle("lost", !isRunning);
  }

  #renderNotices(state) {
    const notices = noticesOf(state);
    const text = JSON.stringify(notices);
    if (this.#notices.dataset.shown === text) return;
    this.#notices.dataset.shown = text;
    this.#notices.replaceChildren(...notices.map(([kind, words_]) => element(`p.notice.${kind}`, {}, icon("warning"), element("span", { textContent: words_ }))));
  }

  #renderBar(state) {
    const isThere = state.phase === "joined";
    const isSharing = Boolean(state.document?.isOwn);
    this.#set("microphone", state.microphone ? "microphone" : "microphone-off", state.microphone ? words.mute : words.unmute,
      state.microphone ? words.muteHint : words.unmuteHint, state.moderated ? "barred" : state.microphone ? "" : "off");
    this.#set("camera", state.camera ? "camera" : "camera-off", state.camera ? words.cameraOff : words.cameraOn,
      state.camera ? words.cameraOffHint : words.cameraOnHint, state.camera ? "" : "off");
    this.#set("share", "share", isSharing ? words.unshare : words.share, isSharing ? words.unshareHint : words.shareHint,
      isSharing ? "active" : "");
    this.#set("hand", "hand", state.hand ? words.lower : words.raise, state.hand ? words.lower : words.raise, state.hand ? "raised" : "");
    for (const button of Object.values(this.#buttons)) button.disabled = !isThere || state.held;
    this.#buttons.microphone.disabled ||= state.moderated;
  }

  #set(name, iconName, label, hint, mood) {
    const button = this.#buttons[name];
    setIcon(button, iconName);
    setText(button.lastChild, label);
    button.title = hint;
    button.ariaLabel = hint;
    button.dataset.mood = mood;
  }
}

/** @returns {[string, string][]} kind and words of each, the gravest first. */
function noticesOf(state) {
  const notices = [];
  if (state.phase === "joining") notices.push(["info", words.joining]);
  if (state.phase === "lost") notices.push(["bad", words.lost]);
  if (state.phase === "left") notices.push(["info", words.left]);
  if (state.phase === "idle" && state.reason === "no-ticket") notices.push(["bad", words.noTicket]);
  if (state.held) notices.push(["info", words.held]);
  const fault = FAULTS[state.protection.fault];
  if (fault && (state.protection.video === "stopped" || state.protection.voice === "stopped")) notices.push(["bad", words[fault]]);
  if (state.moderated) notices.push(["warn", words.moderated]);
  return notices;
}
