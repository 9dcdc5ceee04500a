// The interface of schemas, after the Standard Schema specification, version 1 (https://standardschema.dev): what zod,
// valibot, arktype and others have in common. Written out here, so that its types cost users no dependency.

/** A schema of any library that follows Standard Schema. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** What the schema offers to those who do not know its library. */
  readonly "~standard": StandardSchemaProps<Input, Output>;
}

/** What a schema offers. */
export interface StandardSchemaProps<Input = unknown, Output = Input> {
  /** The version of the specification. */
  readonly version: 1;
  /** The library that the schema is of. */
  readonly vendor: string;
  /** Gives what the schema makes of a value, or what is wrong with it. */
  readonly validate: (value: unknown) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
  /** For the compiler; nothing need be there at run time. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** What came of a validation: a value, unless there are issues. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

/** Something that is wrong with a value. */
export interface StandardSchemaIssue {
  /** What is wrong, in words. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
