// The map in a notebook: its page in a frame of its own, whose color, filters, selection and labels are the model's.

const decoded = (bytes) => new TextDecoder().decode(bytes);
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** @param {{ model: any, el: any }} notebook */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = model.get("_name");
  // Scripts of the page reach nothing of the notebook.
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  const size = () => (frame.style.cssText = `width:100%;height:${model.get("height")}px;border:0`);
  let port = null;
  const send = {
    // First, since color and filters may be of labels.
    _labels: () => port?.postMessage({ labels: model.get("_labels") }),
    color: () => port?.postMessage({ color: model.get("color") }),
    filters: () => port?.postMessage({ filters: model.get("filters") }),
    _selected: () => port?.postMessage({ selection: bytesOf(model.get("_selected")) }),
  };
  const met = (event) => {
    if (event.source !== frame.contentWindow || event.data?.vecindex !== "ready") return;
    const channel = new MessageChannel();
    port = channel.port1;
    port.onmessage = ({ data: { labels, color, filters, selection } }) => {
      if (labels !== undefined) model.set("_labels", labels);
      if (color !== undefined) model.set("color", color);
      if (filters !== undefined) model.set("filters", filters);
      if (selection !== undefined) model.set("_selected", new DataView(selection.buffer, selection.byteOffset, selection.byteLength));
      model.save_changes();
    };
    frame.contentWindow.postMessage({ vecindex: "connect" }, "*", [channel.port2]);
    for (const one of Object.values(send)) one();
  };
  addEventListener("message", met);
  for (const [name, act] of Object.entries(send)) model.on(`change:${name}`, act);
  model.on("change:height", size);
  size();
  frame.srcdoc = decoded(model.get("_page"));
  el.append(frame);
  return () => {
    removeEventListener("message", met);
    for (const [name, act] of Object.entries(send)) model.off(`change:${name}`, act);
    model.off("change:height", size);
    port?.close();
  };
}

export default { render };
