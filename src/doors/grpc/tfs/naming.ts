/**
 * How messages of this protocol name the places of a request.
 */
import { quote } from "../../../base/index.ts";
import { type FieldNaming, protocolNaming } from "../../../model/index.ts";

/** Places in the words of the message: `inputs['features']`. */
export const tfsNaming: FieldNaming = {
  tensor: (spec) => `inputs[${quote(spec.name)}]`,
  element(spec, position, place) {
    const known = protocolNaming.element(spec, position, place);
    const behind = known.slice(protocolNaming.tensor(spec, position).length);
    return `inputs[${quote(spec.name)}]${behind}`;
  },
};
