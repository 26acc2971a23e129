// What every page can do.
import { byId } from "./dom.js";
import { wireTables } from "./tables.js";
import { offerThemes } from "./theme.js";

offerThemes(byId("theme"));
wireTables();
