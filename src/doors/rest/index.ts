/** Floor 6: REST. Translates HTTP into calls of the service, and nothing more. */
export { type RestDoor, type RestDoorOptions, startRestDoor } from "./door.ts";
