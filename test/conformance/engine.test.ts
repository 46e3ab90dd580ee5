// Goal: both engines keep the port. Method: the suite of engine.ts for each of them.
import { createInlineEngine, createProcessEngine } from "../../src/engine/index.ts";
import { runEngineSuite } from "./engine.ts";

runEngineSuite({ name: "process engine", create: () => createProcessEngine(), skip: [] });

runEngineSuite({ name: "inline engine", create: () => createInlineEngine(), skip: [] });
