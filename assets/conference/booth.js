// The application around the page: Qt's web channel in the kiosk; nobody in a browser.

/**
 * Connect to the kiosk. The scheme handler serves Qt's own qwebchannel.js beside the page, under that name.
 * @param {(message: object) => void} hear - gets what the application says, parsed (messages.py, ToPage).
 * @returns {Promise<{say: (message: object) => void}>} says FromPage messages to the application.
 */
export async function connectBooth(hear) {
  await loadScript("qwebchannel.js");
  return new Promise((resolve) => {
    new window.QWebChannel(window.qt.webChannelTransport, (channel) => {
      const { booth } = channel.objects;
      booth.told.connect((text) => hear(JSON.parse(text)));
      resolve({ say: (message) => booth.say(JSON.stringify(message)) });
    });
  });
}

/** Whether the page runs inside the kiosk. */
export function isInBooth() {
  return location.protocol === "booth-conference:";
}

function loadScript(source) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`no ${source}`)));
    document.head.append(script);
  });
}
