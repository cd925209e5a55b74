"""What importers share: archives, images, footage, face finder, crops, reports, resumable parts."""
