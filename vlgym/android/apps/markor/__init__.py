"""The notes editor: folders of text files, an editor and a reader."""
