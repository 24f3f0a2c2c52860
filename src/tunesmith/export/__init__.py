"""From a judged model to the folder that is shipped."""
