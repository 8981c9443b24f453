// Makes elements. Text only ever becomes text: nothing that somebody wrote is read as HTML.

/**
 * @param {string} tag - name, with classes: "div.tile.wide".
 * @param {object} properties - set on the element; `attributes` become attributes, `onX` listeners.
 * @param {...(Node | string)} children
 */
export function element(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  const { attributes = {}, ...rest } = properties;
  Object.assign(made, rest);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Show or hide an element. */
export function show(shown, isShown) {
  shown.hidden = !isShown;
}

/** Set text only when it differs, so that a screen reader is not told again. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
