// The map of a page that holds all of it.
"use strict";
globalThis.theMap = vecindexMap.create(document.getElementById("map-view"), vecindexMap.embedded());
