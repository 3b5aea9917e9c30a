/** Values of the labels that patches are drawn by. */
export const liverValue = 1;
export const lesionValue = 2;
