// The map of a page that holds all its data.
import "../shared/page.js";
import { byId } from "../shared/dom.js";
import { embedded } from "./source.js";
import { Viewer } from "./viewer.js";

globalThis.theMap = new Viewer(byId("map-view"), embedded());
