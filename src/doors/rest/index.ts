/** Floor 6: REST. Translates HTTP into calls of the service, and nothing more. */
export { type DialectName, dialectNames } from "./dialects.ts";
export { type RestDoor, type RestDoorOptions, startRestDoor } from "./door.ts";
