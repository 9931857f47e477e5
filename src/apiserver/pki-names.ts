/** Names around the certificates of `pki.ts`, for who must not load the code that makes them. */

/** Group of clients that may do everything. */
export const adminGroup = "system:masters";

/** In the root folder of the instance. */
export const pkiFolder = "pki";

/** In that folder: the address that clients are told. */
export const serverAddressFile = "server";
