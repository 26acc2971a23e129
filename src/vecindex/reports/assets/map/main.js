// The map of a page that holds all its data.
import "./labeling/pristine.js";
import "../shared/page.js";
import { byId } from "../shared/dom.js";
import { offer } from "./bridge.js";
import { labeled } from "./labeling/inpage.js";
import { embedded } from "./source.js";
import { Viewer } from "./viewer.js";

const { source, keeper } = labeled(embedded());
const viewer = new Viewer(byId("map-view"), source, keeper);
globalThis.theMap = viewer;
keeper.follow(viewer);
offer(viewer);
