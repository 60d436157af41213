/**
 * At least one letter or digit that can be seen. Characters that render as nothing do not count, also those that Unicode calls letters
 * (Hangul fillers): Default_Ignorable_Code_Point of UAX #44.
 */
export const SAYS_SOMETHING = /(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}]/u;
