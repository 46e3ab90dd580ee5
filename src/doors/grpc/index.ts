/** Floor 6: the gRPC door. */
export { type GrpcDoor, type GrpcDoorOptions, startGrpcDoor } from "./door.ts";
