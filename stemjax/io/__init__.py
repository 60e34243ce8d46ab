"""Raw acquisitions in, one OME-Zarr layout out."""
