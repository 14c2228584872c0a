"""The gallery: folders of pictures and clips, a viewer and a recycle bin."""
