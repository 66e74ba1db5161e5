"""Pure decisions and the shapes that pass between the rooms; imports no vendor."""
